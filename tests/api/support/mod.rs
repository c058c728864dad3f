pub mod app;
pub mod builders;
pub mod contract;
pub mod database;
pub mod process;
