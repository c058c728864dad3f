DROP TABLE listing_revisions;
DROP TABLE listings;
