"""What a terminal, or whoever reads a log in one, would be steered by.

DEL and the C1 controls (ECMA-48: U+009B begins the same sequences as ESC [), the line separators of Unicode, and what
changes the direction of the text around it (Unicode TR 9). Not the C0 controls, which JSON escapes by itself.
"""

from __future__ import annotations

# The inside of a character class.
ACTING_BUT_C0 = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
