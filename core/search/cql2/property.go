package cql2

// Type is what a property or an expression is to comparisons.
type Type int

// The types. Lists are told apart by their elements.
const (
	Other Type = iota // structs, maps: only IS NULL applies
	Number
	Text
	Bool
	Timestamp     // instants in microseconds
	TimestampNano // instants in nanoseconds, which reach from 1677 to 2262 only
	Date
	Geometry // well-known binary
	NumberList
	TextList
)

// String names the type as a user would.
func (t Type) String() string {
	names := [...]string{"structure", "number", "text", "boolean", "timestamp", "timestamp", "date", "geometry",
		"list of numbers", "list of texts"}
	return names[t]
}

// IsTime tells whether values are instants.
func (t Type) IsTime() bool { return t == Timestamp || t == TimestampNano }

// Property is a property of items as SQL.
type Property struct {
	SQL  string // with the parameters Args
	Args []any
	Type Type
	// Raw is the column itself where SQL makes times of its text, else "".
	Raw string
}
