"""What changes a conversation. One place for each change, called by REST and sockets alike."""
