//! Scenarios of minutes each. `make acceptance-long` plays all of them, `make test` another one each time:
//! `acceptance/run` knows them by this module's name.
mod dead_host;
mod replace;
mod scale;
mod signals;
mod two_applies;
