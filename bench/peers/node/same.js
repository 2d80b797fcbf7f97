// What the product does for a message, in the way of pg's own documentation: a transaction on a
// client of the pool. The chat's row is locked by its update, which checks who may send, numbers
// and counts; then the insert, sealed. A message that is known is answered as it was.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const NUMBER = {
  name: "number",
  text: `UPDATE chat SET last_seq = last_seq + 1, last_message_at = now(),
           patient_unread = patient_unread + ($2 = therapist_id)::int,
           therapist_unread = therapist_unread + ($2 = patient_id)::int
         WHERE id = $1 AND status = 'active'
           AND ($2 = therapist_id AND therapist_can_send OR $2 = patient_id AND patient_can_send)
         RETURNING last_seq, last_message_at`,
};
const WRITE = {
  name: "write",
  text: `INSERT INTO message (chat_id, seq, sender_id, client_message_id, sealed, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (chat_id, sender_id, client_message_id) DO NOTHING
         RETURNING id`,
};
const KNOWN = {
  name: "known",
  text: `SELECT id, seq, sealed, created_at FROM message
         WHERE chat_id = $1 AND sender_id = $2 AND client_message_id = $3`,
};
// A read horizon: it only grows; what is unread is counted anew; the move is kept with its time.
const READ = {
  name: "read",
  text: `WITH moved AS (
           UPDATE chat SET
             patient_read_seq = CASE WHEN $2 = patient_id THEN $3 ELSE patient_read_seq END,
             therapist_read_seq = CASE WHEN $2 = therapist_id THEN $3 ELSE therapist_read_seq END,
             patient_unread = CASE WHEN $2 = patient_id THEN unread ELSE patient_unread END,
             therapist_unread = CASE WHEN $2 = therapist_id THEN unread ELSE therapist_unread END
           FROM (SELECT count(*)::int AS unread FROM message
                 WHERE chat_id = $1 AND sender_id <> $2 AND seq > $3::int) AS counted
           WHERE id = $1 AND last_seq >= $3
             AND $3 > CASE WHEN $2 = patient_id THEN patient_read_seq ELSE therapist_read_seq END
           RETURNING id)
         INSERT INTO receipt (chat_id, user_id, read_seq) SELECT id, $2, $3 FROM moved
         RETURNING read_at`,
};

// Of one chat, one thing after the other, so that all hear it in its order. Its lock would make
// them wait anyway, and each would hold a client of the pool meanwhile.
const tails = new Map();
function inTurn(chat, work) {
  const next = (tails.get(chat) ?? Promise.resolve()).then(work);
  const tail = next.catch(() => {});
  tails.set(chat, tail);
  tail.then(() => tails.get(chat) === tail && tails.delete(chat));
  return next;
}

function seal(key, name, text) {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(name));
  return Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key, name, sealed) {
  const end = sealed.length - 16;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12))
    .setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(end));
  return decipher.update(sealed.subarray(12, end), null, "utf8") + decipher.final("utf8");
}

async function transaction(pool, work) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const done = await work(client);
    await client.query(done === null ? "ROLLBACK" : "COMMIT");
    return done;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

export function open(socket, pool) {
  const { user, chat } = socket.data;
  const key = Buffer.from(hkdfSync("sha256", process.env.PEER_SECRET, "", chat, 32));

  const write = (text, client_message_id) => transaction(pool, async (client) => {
    const { rows: [place] } = await client.query({ ...NUMBER, values: [chat, user] });
    if (!place) return null;
    const sealed = seal(key, `${user} ${client_message_id}`, text);
    const { rows: [row] } = await client.query({
      ...WRITE,
      values: [chat, place.last_seq, user, client_message_id, sealed, place.last_message_at],
    });
    return row ? { id: row.id, seq: place.last_seq, timestamp: place.last_message_at } : null;
  });

  const known = async (client_message_id) => {
    const { rows: [row] } = await pool.query({ ...KNOWN, values: [chat, user, client_message_id] });
    if (!row) return null;
    const text = unseal(key, `${user} ${client_message_id}`, row.sealed);
    return { id: row.id, seq: row.seq, timestamp: row.created_at, text };
  };

  socket.on("message", ({ text, client_message_id }, ack) => inTurn(chat, async () => {
    const written = await write(text, client_message_id);
    const found = written ?? (await known(client_message_id));
    if (!found) return ack({ error: "refused" });
    if (!written && found.text !== text) return ack({ error: "idempotency_conflict" });
    const message = { ...found, chat_id: chat, client_message_id, sender_id: user, text };
    ack(message);
    if (written) socket.to(chat).emit("message", message);
  }).catch((error) => ack({ error: error.message })));

  socket.on("read", ({ seq }) => inTurn(chat, async () => {
    const { rows: [moved] } = await pool.query({ ...READ, values: [chat, user, seq] });
    if (!moved) return;
    const receipt = { user_id: user, seq, read_at: moved.read_at };
    socket.emit("read", receipt);
    socket.to(chat).emit("read", receipt);
  }).catch((error) => socket.emit("refused", { error: error.message })));
}
