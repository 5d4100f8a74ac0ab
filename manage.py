#!/usr/bin/env python
"""Run accweb's commands: ``manage.py help`` lists them."""

import os
import sys

import django

from accweb import __version__
from cdr import IS_COMPILED


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "accweb.settings")
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError, ProgrammingError

    if sys.argv[1:] in (["--version"], ["version"]):  # Django's own prints Django's alone
        code = "parsing and correlation compiled" if IS_COMPILED else "plain Python"
        sys.stdout.write(f"accweb {__version__} (Django {django.get_version()}, {code})\n")
        return
    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        sys.exit(1)
    except (OperationalError, ProgrammingError) as error:
        if "--traceback" in sys.argv:
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if "no such table" in reason or "does not exist" in reason:
            sys.exit(f"accweb: the database is not set up ({reason}); run: manage.py migrate")
        sys.exit(f"accweb: DATABASE_URL: the database cannot be used ({reason}); check the address and its server")


if __name__ == "__main__":
    main()
