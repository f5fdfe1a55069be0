//! Scenarios of minutes each. `make acceptance-long` plays all of them, `make test` another one each time: each is
//! marked `#[ignore = "long"]`, and `acceptance/run` asks for one of the ignored by its name.
mod dead_host;
mod replace;
mod scale;
mod signals;
mod two_applies;
