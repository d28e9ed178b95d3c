"""Codes with valid check digits, out of ranges that were never given to anybody."""

from __future__ import annotations

from stdnum.cn import uscc as credit_code
from stdnum.iso7064 import mod_11_2

_ORGANISATION = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def uscc(region: str, number: int) -> str:
    """A unified social credit code (GB 32100, mod 31) of an enterprise registered in `region`.

    The organisation code in it (GB 11714, mod 11) begins with QX, which no registry uses.
    """
    organisation = f"QX{number:06d}"
    weighted = sum(
        weight * _ORGANISATION.index(sign) for weight, sign in zip((3, 7, 9, 10, 5, 8, 4, 2), organisation, strict=True)
    )
    check = 11 - weighted % 11
    body = f"91{region}{organisation}{'X' if check == 10 else 0 if check == 11 else check}"
    return body + str(credit_code.calc_check_digit(body))


def orcid(number: int) -> str:
    """An ORCID iD (ISO 7064 mod 11-2) in the block 0000-0007, from which none are issued."""
    digits = f"00000007{number:07d}"
    digits += str(mod_11_2.calc_check_digit(digits))
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def patent_number(number: int, utility: bool, granted: bool) -> str:
    """A publication number by WIPO ST.16: country, number, kind (CN, nine digits, A, B or U)."""
    return f"CN{2 if utility else 1}{number:08d}{'U' if utility else 'B' if granted else 'A'}"


def mobile(number: int) -> str:
    """A mobile number in the range 154, which is not given to subscribers."""
    return f"154{number % 100_000_000:08d}"
