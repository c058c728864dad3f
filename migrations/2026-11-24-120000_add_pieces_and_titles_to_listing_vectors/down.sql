ALTER TABLE listing_vectors DROP COLUMN title_universal, DROP COLUMN title_e5, DROP COLUMN pieces;
