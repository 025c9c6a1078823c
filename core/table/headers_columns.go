package table

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"cogweave/core"
	"cogweave/core/cog"
)

// field is one column of a table, or one field of a struct in it, that holds a part of T.
type field[T any] struct {
	name     string
	typ      arrow.DataType
	nullable bool
	append   func(b array.Builder, t *T)
	// open gives a function that reads a row into t, or nil for an array of another kind. path names
	// the column in errors about what lies inside it.
	open func(a arrow.Array, path string) (func(row int, t *T), error)
}

func arrowFields[T any](fields []field[T]) []arrow.Field {
	out := make([]arrow.Field, len(fields))
	for i, f := range fields {
		out[i] = arrow.Field{Name: f.name, Type: f.typ, Nullable: f.nullable}
	}
	return out
}

// openFields finds the array of every field.
func openFields[T any](columns fields, wanted []field[T], prefix string) ([]func(row int, t *T), error) {
	readers := make([]func(row int, t *T), len(wanted))
	for i, f := range wanted {
		path := prefix + f.name
		a := columns.get(f.name)
		if a == nil {
			return nil, core.Errorf(core.InvalidArgument, "HeadersTable", "the headers have no column %q; they have: %s",
				path, strings.Join(columns.names, ", "))
		}
		var err error
		if readers[i], err = f.open(a, path+"."); err != nil {
			return nil, err
		}
		if readers[i] == nil {
			return nil, core.Errorf(core.InvalidArgument, "HeadersTable", "column %q of the headers is %s, not %s", path, a.DataType(), f.typ)
		}
	}
	return readers, nil
}

// integer is any type of whole number that headers have.
type integer interface {
	~int | ~int64 | ~uint16 | ~uint32 | ~uint64
}

// whole is a column of integers; a null is 0. uint64 where the Go type is, else int64.
func whole[T any, I integer](name string, at func(*T) *I) field[T] {
	typ := arrow.DataType(arrow.PrimitiveTypes.Int64)
	if _, ok := any(I(0)).(uint64); ok {
		typ = arrow.PrimitiveTypes.Uint64
	}
	return field[T]{name: name, typ: typ,
		append: func(b array.Builder, t *T) { appendInteger(b, *at(t)) },
		open: func(a arrow.Array, _ string) (func(int, *T), error) {
			get := integersOf(a)
			if get == nil {
				return nil, nil
			}
			return func(row int, t *T) {
				if a.IsValid(row) {
					*at(t) = I(get(row))
				}
			}, nil
		},
	}
}

func appendInteger[I integer](b array.Builder, v I) {
	switch b := b.(type) {
	case *array.Uint64Builder:
		b.Append(uint64(v))
	case *array.Uint32Builder:
		b.Append(uint32(v))
	case *array.Uint16Builder:
		b.Append(uint16(v))
	case *array.Int64Builder:
		b.Append(int64(v))
	}
}

// integersOf reads an array of integers of any width, or gives nil. A number below 0 comes out as a huge
// one where it is put into an unsigned type, and is refused by the checks of its meaning.
func integersOf(a arrow.Array) func(i int) uint64 {
	switch a := a.(type) {
	case *array.Uint64:
		return a.Value
	case *array.Int64:
		return func(i int) uint64 { return uint64(a.Value(i)) }
	case *array.Uint32:
		return func(i int) uint64 { return uint64(a.Value(i)) }
	case *array.Int32:
		return func(i int) uint64 { return uint64(a.Value(i)) }
	case *array.Uint16:
		return func(i int) uint64 { return uint64(a.Value(i)) }
	case *array.Int16:
		return func(i int) uint64 { return uint64(a.Value(i)) }
	case *array.Uint8:
		return func(i int) uint64 { return uint64(a.Value(i)) }
	case *array.Int8:
		return func(i int) uint64 { return uint64(a.Value(i)) }
	}
	return nil
}

// wholes is a column of lists of integers; null and an empty list are nil.
func wholes[T any, I integer](name string, at func(*T) *[]I) field[T] {
	element := arrow.DataType(arrow.PrimitiveTypes.Int64)
	switch any(I(0)).(type) {
	case uint64:
		element = arrow.PrimitiveTypes.Uint64
	case uint32:
		element = arrow.PrimitiveTypes.Uint32
	case uint16:
		element = arrow.PrimitiveTypes.Uint16
	}
	return field[T]{name: name, typ: arrow.ListOfNonNullable(element),
		append: func(b array.Builder, t *T) {
			list := *at(t)
			values := appendList(b, len(list))
			for _, v := range list {
				appendInteger(values, v)
			}
		},
		open: func(a arrow.Array, _ string) (func(int, *T), error) {
			list := newListReader(a)
			if list.list == nil {
				return nil, nil
			}
			get := integersOf(list.values)
			if get == nil {
				return nil, nil
			}
			return func(row int, t *T) {
				*at(t) = listOf(list, row, func(i int) I { return I(get(i)) })
			}, nil
		},
	}
}

// appendList begins a list of n elements and gives the builder for them.
func appendList(b array.Builder, n int) array.Builder {
	list := b.(*array.ListBuilder)
	list.Append(true)
	values := list.ValueBuilder()
	values.Reserve(n)
	return values
}

// listOf reads a row of a list column.
func listOf[E any](list listReader, row int, get func(i int) E) []E {
	from, to := list.span(row)
	if from == to {
		return nil
	}
	out := make([]E, to-from)
	for i := range out {
		out[i] = get(from + i)
	}
	return out
}

// floats is a column of lists of numbers; null and an empty list are nil.
func floats[T any](name string, get func(*T) []float64, set func(*T, []float64)) field[T] {
	return field[T]{name: name, typ: arrow.ListOfNonNullable(arrow.PrimitiveTypes.Float64),
		append: func(b array.Builder, t *T) {
			list := get(t)
			appendList(b, len(list)).(*array.Float64Builder).AppendValues(list, nil)
		},
		open: func(a arrow.Array, _ string) (func(int, *T), error) {
			list := newListReader(a)
			values, ok := list.values.(*array.Float64)
			if list.list == nil || !ok {
				return nil, nil
			}
			return func(row int, t *T) { set(t, listOf(list, row, values.Value)) }, nil
		},
	}
}

// optionalNumber is a column of numbers, null where there is none.
func optionalNumber[T any](name string, at func(*T) *core.NoData) field[T] {
	return field[T]{name: name, typ: arrow.PrimitiveTypes.Float64, nullable: true,
		append: func(b array.Builder, t *T) {
			if v := at(t); v.Set {
				b.(*array.Float64Builder).Append(v.Value)
			} else {
				b.AppendNull()
			}
		},
		open: func(a arrow.Array, _ string) (func(int, *T), error) {
			values, ok := a.(*array.Float64)
			if !ok {
				return nil, nil
			}
			return func(row int, t *T) {
				if values.IsValid(row) {
					*at(t) = core.NoData{Set: true, Value: values.Value(row)}
				}
			}, nil
		},
	}
}

func flag[T any](name string, at func(*T) *bool) field[T] {
	return field[T]{name: name, typ: arrow.FixedWidthTypes.Boolean,
		append: func(b array.Builder, t *T) { b.(*array.BooleanBuilder).Append(*at(t)) },
		open: func(a arrow.Array, _ string) (func(int, *T), error) {
			values, ok := a.(*array.Boolean)
			if !ok {
				return nil, nil
			}
			return func(row int, t *T) { *at(t) = values.IsValid(row) && values.Value(row) }, nil
		},
	}
}

func text[T any](name string, at func(*T) *string) field[T] {
	return field[T]{name: name, typ: arrow.BinaryTypes.String,
		append: func(b array.Builder, t *T) { b.(*array.StringBuilder).Append(*at(t)) },
		open: func(a arrow.Array, _ string) (func(int, *T), error) {
			reader := newTextReader(a, nil)
			if reader.array == nil {
				return nil, nil
			}
			return func(row int, t *T) { *at(t), _ = reader.get(row) }, nil
		},
	}
}

// texts is a column of lists of texts; null and an empty list are nil.
func texts[T any](name string, at func(*T) *[]string) field[T] {
	return field[T]{name: name, typ: arrow.ListOfNonNullable(arrow.BinaryTypes.String),
		append: func(b array.Builder, t *T) {
			list := *at(t)
			appendList(b, len(list)).(*array.StringBuilder).AppendValues(list, nil)
		},
		open: func(a arrow.Array, _ string) (func(int, *T), error) {
			list := newListReader(a)
			if list.list == nil {
				return nil, nil
			}
			reader := newTextReader(list.values, nil)
			if reader.array == nil {
				return nil, nil
			}
			return func(row int, t *T) {
				*at(t) = listOf(list, row, func(i int) string { v, _ := reader.get(i); return v })
			}, nil
		},
	}
}

// bytesField is a column of bytes; empty ones are nil.
func bytesField[T any](name string, at func(*T) *[]byte) field[T] {
	return binary(name, func(t *T) []byte { return *at(t) }, func(t *T, v []byte) { *at(t) = bytes.Clone(v) })
}

// rawText is a column of texts in no known encoding.
func rawText[T any](name string, at func(*T) *string) field[T] {
	return binary(name, func(t *T) []byte { return []byte(*at(t)) }, func(t *T, v []byte) { *at(t) = string(v) })
}

func binary[T any](name string, get func(*T) []byte, set func(*T, []byte)) field[T] {
	return field[T]{name: name, typ: arrow.BinaryTypes.Binary,
		append: func(b array.Builder, t *T) { b.(*array.BinaryBuilder).Append(get(t)) },
		open: func(a arrow.Array, _ string) (func(int, *T), error) {
			reader := newBinaryReader(a)
			if reader.array == nil {
				return nil, nil
			}
			return func(row int, t *T) {
				if v := reader.get(row); len(v) > 0 {
					set(t, v)
				}
			}, nil
		},
	}
}

// structs is a column of lists of structs.
func structs[T, E any](name string, inner []field[E], get func(*T) []E, set func(*T, []E)) field[T] {
	return field[T]{name: name, typ: arrow.ListOfNonNullable(arrow.StructOf(arrowFields(inner)...)),
		append: func(b array.Builder, t *T) {
			elements := get(t)
			values := appendList(b, len(elements)).(*array.StructBuilder)
			for i := range elements {
				values.Append(true)
				for k := range inner {
					inner[k].append(values.FieldBuilder(k), &elements[i])
				}
			}
		},
		open: func(a arrow.Array, path string) (func(int, *T), error) {
			list := newListReader(a)
			if list.list == nil {
				return nil, nil
			}
			if _, ok := list.values.(*array.Struct); !ok {
				return nil, nil
			}
			readers, err := openFields(structFields(list.values), inner, path)
			if err != nil {
				return nil, err
			}
			return func(row int, t *T) {
				set(t, listOf(list, row, func(i int) (e E) {
					for _, read := range readers {
						read(i, &e)
					}
					return e
				}))
			}, nil
		},
	}
}

// rawOf lists the raw tags of a level by their numbers.
func rawOf(l *cog.Level) []rawTag {
	out := make([]rawTag, 0, len(l.Raw))
	for _, tag := range slices.Sorted(maps.Keys(l.Raw)) {
		out = append(out, rawTag{tag, l.Raw[tag]})
	}
	return out
}

func setRaw(l *cog.Level, tags []rawTag) {
	if len(tags) == 0 {
		return
	}
	l.Raw = make(map[uint16]cog.RawTag, len(tags))
	for _, r := range tags {
		l.Raw[r.tag] = r.RawTag
	}
}
