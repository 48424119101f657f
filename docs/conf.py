"""Sphinx settings: `make docs` writes build/docs/index.html."""

project = "streamwatchd"
author = "the streamwatchd authors"
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["generate.py", "man.py"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Rules in YAML become alarms and KPIs over Kafka, in event time",
    "page_width": "1240px",
    "body_max_width": "none",
}
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]
# Rules are YAML with expressions inside; a snippet may be a part of a file.
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure"]
