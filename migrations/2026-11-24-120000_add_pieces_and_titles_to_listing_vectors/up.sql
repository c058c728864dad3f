-- The universal encoder's vectors of a long text's pieces, one after the other, since a question is answered by a part of a text; and those
-- of the title as a question, by which a listing looks for partners. Constant defaults rewrite no table, and the checks hold for them.
ALTER TABLE listing_vectors
    ADD COLUMN pieces BYTEA NOT NULL DEFAULT '' CONSTRAINT listing_vectors_pieces_check CHECK (length(pieces) % 512 = 0),
    ADD COLUMN title_e5 BYTEA NOT NULL DEFAULT '' CONSTRAINT listing_vectors_title_e5_check CHECK (length(title_e5) IN (0, 384)),
    ADD COLUMN title_universal BYTEA NOT NULL DEFAULT '' CONSTRAINT listing_vectors_title_universal_check CHECK (length(title_universal) IN (0, 512));
