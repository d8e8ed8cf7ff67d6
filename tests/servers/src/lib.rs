//! Shell. Recipes of the real servers that the tests run against.
