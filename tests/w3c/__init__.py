"""W3C's SPARQL suites over HTTP; README.md says how they are run, what passes and what does not."""
