// The least that can be called a chat: one statement checks the membership and inserts the text.

// No row where the sender is not of the chat, or the chat is not active.
const WRITE = {
  name: "write",
  text: `INSERT INTO message (chat_id, sender_id, client_message_id, text)
         SELECT id, $2, $3, $4 FROM chat
         WHERE id = $1 AND status = 'active' AND $2 IN (therapist_id, patient_id)
         RETURNING id, created_at`,
};

export function open(socket, pool) {
  const { user, chat } = socket.data;
  socket.on("message", async ({ text, client_message_id }, ack) => {
    try {
      const written = await pool.query({ ...WRITE, values: [chat, user, client_message_id, text] });
      if (written.rowCount === 0) return ack({ error: "refused" });
      const message = {
        id: written.rows[0].id, chat_id: chat, client_message_id, sender_id: user, text,
        timestamp: written.rows[0].created_at,
      };
      ack(message);
      socket.to(chat).emit("message", message);
    } catch (error) {
      ack({ error: error.message });
    }
  });
}
