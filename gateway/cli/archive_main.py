"""Verifies the archive that it lies in: python3 FILE --key KEY. It needs Python 3.11 and cryptography, nothing else."""

import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - run by whatever Python there is, not by our installation
        sys.exit("This archive's verifier needs Python 3.11 or later.")
    try:
        import cryptography  # noqa: F401 - asked for here, so that its absence is said in words
    except ModuleNotFoundError:
        sys.exit(
            "This archive's verifier needs cryptography: pip install cryptography, or apt install python3-cryptography."
        )
    from gateway.cli.verify import verify_own_archive

    sys.exit(verify_own_archive(sys.argv))
