-- One message as one statement, which is its own transaction.
WITH chat AS (
    UPDATE messaging_chat
    SET last_seq = last_seq + 1, last_message_seq = last_seq + 1, active_at = now(),
        updated_at = now(), patient_unread_count = patient_unread_count + 1
    WHERE id = 'CHAT_t_load' || lpad((:client_id + 1)::text, 5, '0')
        || '_p_load' || lpad((:client_id + 1)::text, 5, '0')
    RETURNING id, therapist_id, last_seq
)
INSERT INTO messaging_message (chat_id, seq, changed_seq, sender_id, client_message_id, fingerprint,
    message_type, emergency, version, text_sealed, created_at)
SELECT id, last_seq, last_seq, therapist_id, 'bench-' || lpad(last_seq::text, 12, '0'),
    decode(repeat('ab', 18), 'hex'), 'text', false, 1, decode(repeat('ab', 231), 'hex'), now()
FROM chat;
