// A chat server as Node has it: socket.io, and pg with a pool. One process, as the others.
//
// Tuned as far as the documentation goes: WebSocket alone, no compression, prepared statements,
// committed before the ack. `WORK` says how much it does for a message: `same` or `less`.
import { createServer } from "node:http";
import jwt from "jsonwebtoken";
import pg from "pg";
import { Server } from "socket.io";

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL ?? 16),
});
const { open } = await import(`./${process.env.WORK}.js`);
const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

const MEMBER = {
  name: "member",
  text: "SELECT 1 FROM chat WHERE id = $1 AND $2 IN (therapist_id, patient_id)",
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
  socket.join(socket.data.chat);
  open(socket, pool);
});

http.listen(Number(process.env.PORT), "127.0.0.1");
