"""All that is compiled, and knows nothing of the rest: each aggregate in a file of its own, and what they stand on.

velocity recency baseline distinct novelty itself repeats     what is computed and kept: MEASURES and a compiled step each
windows exact                                                 events in the order of time; sums without rounding
judge slots                                                   whether a row counts; where each key is
record encoder decoder stored                                 a value in memory, as bytes, the numbers of the format
program raw varint compiled                                   what the loop is asked; reading rows; reading bytes; numba
"""
