//! The program `fraisier-adapter-confiture-ipc` as the published engine drives it: `fraisier-ipc` is
//! the client, a stand-in that plays recordings is confiture.
//!
//! What the client gets is compared with what the bridge gives of the same recording, so that both
//! ways into the engine lead to the same answer.

mod answers;
mod ends;
mod framing;
mod stand_in;
