"""What makes, judges and removes attachments. Each state is committed before the next step."""
