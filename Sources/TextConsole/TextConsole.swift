// The terminal's text screen.
