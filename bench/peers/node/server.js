// The same send as a Node server does it: socket.io, and pg with a pool.
//
// Tuned as far as its documentation goes: WebSocket alone, no compression, one prepared statement
// that checks the membership and writes, committed before the ack. One process, as the others.
import { createServer } from "node:http";
import jwt from "jsonwebtoken";
import pg from "pg";
import { Server } from "socket.io";

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL ?? 16),
});
const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

const MEMBER = {
  name: "member",
  text: "SELECT 1 FROM chat WHERE id = $1 AND $2 IN (therapist_id, patient_id)",
};
// No row where the sender is not of the chat, or the chat is not active.
const WRITE = {
  name: "write",
  text: `INSERT INTO message (chat_id, sender_id, client_message_id, text)
         SELECT id, $2, $3, $4 FROM chat
         WHERE id = $1 AND status = 'active' AND $2 IN (therapist_id, patient_id)
         RETURNING id, created_at`,
};

io.use(async (socket, next) => {
  try {
    const { token, chat_id } = socket.handshake.auth;
    const { sub } = jwt.verify(token, process.env.PEER_SECRET, { algorithms: ["HS256"] });
    const found = await pool.query({ ...MEMBER, values: [chat_id, sub] });
    if (found.rowCount === 0) throw new Error("not of this chat");
    socket.data = { user: sub, chat: chat_id };
    next();
  } catch {
    next(new Error("refused"));
  }
});

io.on("connection", (socket) => {
  const { user, chat } = socket.data;
  socket.join(chat);
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
});

http.listen(Number(process.env.PORT), "127.0.0.1");
