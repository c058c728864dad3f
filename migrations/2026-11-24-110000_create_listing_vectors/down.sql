DROP TABLE embedding_lease;
DROP TABLE embedding_means;
DROP TABLE listing_vectors;
