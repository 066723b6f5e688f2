//! The audit trail: that everything is on record, that nothing is disclosed before it is, and that
//! nobody changes what is on record without it showing.

mod calls;
mod checkpoints;
mod command;
mod crashes;
mod faults;
mod full;
mod given;
mod golden;
mod independent;
mod killed;
mod lists;
mod lost;
mod named;
mod running;
mod tampers;
mod together;
mod windows;
mod world;
