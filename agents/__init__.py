"""Faust: channels in, sink out; carries out what state/ asks for."""
