"""Tests of code that uses data services."""
