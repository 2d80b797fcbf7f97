-- One message as four statements: begin, take the lock and the number, insert, commit.
BEGIN;
UPDATE messaging_chat
SET last_seq = last_seq + 1, last_message_seq = last_seq + 1, active_at = now(), updated_at = now(),
    patient_unread_count = patient_unread_count + 1
WHERE id = 'CHAT_t_load' || lpad((:client_id + 1)::text, 5, '0')
    || '_p_load' || lpad((:client_id + 1)::text, 5, '0')
RETURNING id AS chat, therapist_id AS sender, last_seq AS seq \gset
INSERT INTO messaging_message (chat_id, seq, changed_seq, sender_id, client_message_id, fingerprint,
    message_type, emergency, version, text_sealed, created_at)
VALUES (:chat, :seq, :seq, :sender, 'bench-' || lpad((:seq)::text, 12, '0'),
    decode(repeat('ab', 18), 'hex'), 'text', false, 1, decode(repeat('ab', 231), 'hex'), now());
COMMIT;
