DROP TABLE jobs;
DROP TABLE change_feed_horizon;
DROP TABLE change_feed;
