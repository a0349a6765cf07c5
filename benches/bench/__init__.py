"""The parts of the benchmark: each figure has a module of its own, the rest sets the stage and reports."""
