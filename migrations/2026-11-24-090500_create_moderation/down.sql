DROP TABLE decisions;
DROP TABLE cases;
