ALTER TABLE listing_vectors DROP COLUMN pieces;
