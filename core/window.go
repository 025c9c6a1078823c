package core

// Window is a half-open rectangle of pixels: rows [Row, Row+Height), columns [Col, Col+Width).
type Window struct{ Row, Col, Height, Width int }

// Empty tells whether the window holds no pixel.
func (w Window) Empty() bool { return w.Height <= 0 || w.Width <= 0 }

// Intersect gives the pixels that both windows hold; it may be empty.
func (w Window) Intersect(o Window) Window {
	row, col := max(w.Row, o.Row), max(w.Col, o.Col)
	return Window{
		Row: row, Col: col,
		Height: max(0, min(w.Row+w.Height, o.Row+o.Height)-row),
		Width:  max(0, min(w.Col+w.Width, o.Col+o.Width)-col),
	}
}

// Union gives the smallest window that holds both; an empty one adds nothing.
func (w Window) Union(o Window) Window {
	if w.Empty() {
		return o
	}
	if o.Empty() {
		return w
	}
	row, col := min(w.Row, o.Row), min(w.Col, o.Col)
	return Window{
		Row: row, Col: col,
		Height: max(w.Row+w.Height, o.Row+o.Height) - row,
		Width:  max(w.Col+w.Width, o.Col+o.Width) - col,
	}
}

// Contains tells whether o lies inside w.
func (w Window) Contains(o Window) bool {
	return o.Row >= w.Row && o.Col >= w.Col && o.Row+o.Height <= w.Row+w.Height && o.Col+o.Width <= w.Col+w.Width
}
