"""The compiler's flags of acme's own code. Pare's targets bring theirs; code that includes Pare's headers is C++20."""

ACME_COPTS = ["-std=c++20"]
