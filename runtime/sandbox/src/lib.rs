//! One grain's Linux sandbox: policy, launcher, limits and self-test.
