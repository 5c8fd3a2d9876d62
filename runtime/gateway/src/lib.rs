//! TLS, host names, browser rules, and HTTP to WebSession.
