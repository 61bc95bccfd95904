"""Plain CSV rows of counts as numbers, compiled: a year of five-minute counts of 500 detectors is read in seconds.

A row is plain when it is a time such as 2024-05-07T08:15 (blank or T, seconds and fractions or none) followed by one cell
a column, each of them empty, a decimal number of at most 15 digits, or nan. Other rows are only marked, not judged.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from signals.types import Bools, Floats, Ints

Bytes = npt.NDArray[np.uint8]

NEWLINE, RETURN, BLANK, TAB, COMMA, POINT, PLUS, MINUS, COLON, ZERO, LETTER_T = 10, 13, 32, 9, 44, 46, 43, 45, 58, 48, 84
E, N, A = 101, 110, 97
LOWER = 32  # set in a letter's code, it makes it a small one
NOTHING = -(2**62)
ODD = -1.0
MANTISSA = 10**14  # one more digit may be taken in, and a float64 still holds it exactly
POWERS = 10.0 ** np.arange(23)  # exact; so one product or quotient rounds as a decimal number must. Clinger 1990.
MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@njit(cache=True)
def digits(text: Bytes, at: int, number: int) -> int:
    """The number that stands in the next `number` bytes; -1 where one of them is no digit."""
    value = 0
    for k in range(at, at + number):
        if k >= text.size or text[k] < ZERO or text[k] > ZERO + 9:
            return -1
        value = value * 10 + int(text[k]) - ZERO
    return value


@njit(cache=True)
def epoch_day(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar; NOTHING where there is no such day.

    365 y + y/4 - y/100 + y/400 + (153 m + 2)/5 + d - 719469 with years that begin in March. Fliegel and Van Flandern 1968.
    """
    if year < 1 or month < 1 or month > 12 or day < 1:
        return NOTHING
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > MONTH_DAYS[month - 1] + (1 if leap and month == 2 else 0):
        return NOTHING
    y = year - (1 if month <= 2 else 0)
    m = (month + 9) % 12
    return 365 * y + y // 4 - y // 100 + y // 400 + (153 * m + 2) // 5 + day - 719469


@njit(cache=True)
def time_s(text: Bytes, at: int) -> tuple[int, int]:
    """Seconds since 1970 of the time that begins here, NOTHING where it is not plain; and where the comma after it is."""
    year, month, day = digits(text, at, 4), digits(text, at + 5, 2), digits(text, at + 8, 2)
    hour, minute, second = digits(text, at + 11, 2), digits(text, at + 14, 2), 0
    i = at + 16
    if min(year, month, day, hour, minute) < 0 or i >= text.size:
        return NOTHING, i
    if text[at + 4] != MINUS or text[at + 7] != MINUS or text[at + 13] != COLON or (text[at + 10] != LETTER_T and text[at + 10] != BLANK):
        return NOTHING, i
    if text[i] == COLON:
        second = digits(text, i + 1, 2)
        i += 3
        if second >= 0 and i + 1 < text.size and text[i] == POINT and digits(text, i + 1, 1) >= 0:
            i += 1
            while i < text.size and ZERO <= text[i] <= ZERO + 9:
                i += 1
    days = epoch_day(year, month, day)
    if days == NOTHING or hour > 23 or minute > 59 or second < 0 or second > 59 or i >= text.size or text[i] != COMMA:
        return NOTHING, i
    return days * 86400 + hour * 3600 + minute * 60 + second, i


@njit(cache=True)
def exponent(text: Bytes, at: int) -> tuple[int, int]:
    """The power of ten that stands here as e-02, 0 where none does, NOTHING where it is broken; and where it ends."""
    if text[at] | LOWER != E:
        return 0, at
    signed = text[at + 1] == MINUS or text[at + 1] == PLUS
    i = at + 2 if signed else at + 1
    first, value = i, 0
    while ZERO <= text[i] <= ZERO + 9 and i < first + 4:
        value = value * 10 + int(text[i]) - ZERO
        i += 1
    if i == first:
        return NOTHING, i
    return -value if text[at + 1] == MINUS else value, i


@njit(cache=True)
def cell(text: Bytes, at: int) -> tuple[float, int]:
    """The count that begins here, NaN for an empty cell and ODD for one that is not plain; and where the cell's end is."""
    i = at
    while text[i] == BLANK or text[i] == TAB:
        i += 1
    if text[i] == COMMA or text[i] == NEWLINE or text[i] == RETURN:
        return np.nan, i
    if i + 2 < text.size and text[i] | LOWER == N and text[i + 1] | LOWER == A and text[i + 2] | LOWER == N:
        return np.nan, i + 3
    if text[i] == PLUS:
        i += 1
    mantissa, power, seen, zeros, after_point = 0, 0, False, 0, False
    while ZERO <= text[i] <= ZERO + 9 or (text[i] == POINT and not after_point):
        if text[i] == POINT:
            after_point = True
        elif after_point and text[i] == ZERO:
            seen, zeros = True, zeros + 1  # those at the end of a fraction need no room in the mantissa
        else:
            for _ in range(zeros):
                mantissa, power = min(mantissa * 10, MANTISSA), power - 1
            if mantissa >= MANTISSA:
                return ODD, i
            mantissa = mantissa * 10 + int(text[i]) - ZERO
            power -= 1 if after_point else 0
            seen, zeros = True, 0
        i += 1
    further, i = exponent(text, i)
    power += further
    if not seen or further == NOTHING or abs(power) > 22:
        return ODD, i
    return mantissa * POWERS[power] if power >= 0 else mantissa / POWERS[-power], i


@njit(cache=True)
def row_cells(text: Bytes, at: int, counts_veh: Floats) -> tuple[bool, int]:
    """Fill counts [column] from the cells that begin here; whether each of them was plain and none is left; where it stopped."""
    i = at
    for column in range(counts_veh.size):
        value, i = cell(text, i)
        while text[i] == BLANK or text[i] == TAB or text[i] == RETURN:
            i += 1
        last = column == counts_veh.size - 1
        if value < 0.0 or text[i] != (NEWLINE if last else COMMA):
            return False, i
        counts_veh[column] = value
        if not last:
            i += 1
    return True, i


@njit(cache=True)
def rows(
    text: Bytes, at: int, times_s: Ints, counts_veh: Floats, plain: Bools, starts: Ints, lines: Ints
) -> tuple[int, int, int]:  # fmt: skip
    """Fill times [row] in seconds since 1970, counts [row, column], whether each row is plain, where it starts and its line.

    `text` ends with a newline; empty lines are no rows. Returns how many rows were filled, where it stopped, and how many
    lines that were; it stops when the arrays are full.
    """
    row, line, i = 0, 0, at
    while i < text.size and row < times_s.size:
        if text[i] == NEWLINE or (text[i] == RETURN and text[i + 1] == NEWLINE):
            i += 1 if text[i] == NEWLINE else 2
            line += 1
            continue
        starts[row], lines[row], plain[row] = i, line, False
        times_s[row], i = time_s(text, i)
        if times_s[row] != NOTHING:
            plain[row], i = row_cells(text, i + 1, counts_veh[row])
        else:
            i = starts[row]
        while text[i] != NEWLINE:
            i += 1
        i += 1
        line += 1
        row += 1
    return row, i, line
