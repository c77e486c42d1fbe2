// What one thread can move to and from memory, measured on the spot: the other
// limit that a kernel's speed is compared with.
#pragma once

/// Billions of bytes a second of the triad a = b + s c (J. D. McCalpin's
/// STREAM) on arrays larger than any cache; 3 x 4 bytes an element, as STREAM
/// counts, without the line read before a store. Taken as the kernels' times
/// are: for each part of the arrays the least of some rounds.
double measureBandwidth();
