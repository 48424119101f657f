"""Calendars: stretches of time with a name, from YAML and iCalendar files."""
