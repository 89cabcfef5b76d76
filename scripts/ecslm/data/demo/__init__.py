"""The demo data: records of all ten tasks about an invented shop, in the form of the release."""
