"""The test suite; `tests.reference` is the slow independent implementation."""
