//! The command line for people: the real binary against a real server, with pipes and with a
//! terminal.

mod access;
mod caller;
mod documents;
mod imports;
mod places;
mod runtime;
mod sessions;
mod settings;
mod terminal;
mod values;

use caller::{Caller, Done};
use terminal::Terminal;
