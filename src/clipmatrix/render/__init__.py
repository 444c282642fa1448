"""Surfaces and cameras in, images out; knows neither scenes nor prompts."""
