//! The waxseal command line.
