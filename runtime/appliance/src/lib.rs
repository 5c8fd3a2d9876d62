//! Puts the runtime together behind one local API for every front end.
