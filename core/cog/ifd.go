package cog

import (
	"encoding/binary"
	"errors"
	"math"

	"cogweave/core"
)

// directory is an image file directory (IFD): the entries whose tags are known, in file order.
type directory struct {
	offset, end int64 // bytes of the directory itself, without values that lie elsewhere
	entries     []entry
	next        int64 // offset of the next directory in the chain, or 0
	err         error // why the directory cannot be used, though its neighbours can
}

// entry is one tag of a directory.
type entry struct {
	tag, kind uint16
	count     uint64
	pos       int64 // where the values lie in the file, inside the entry itself when they are short
	use       use
}

// size is the number of bytes of the values. It cannot overflow: parseEntries has checked.
func (e *entry) size() int64 { return int64(e.count * typeSize(e.kind)) }

// find gives the entry of a tag, the first one should there be several, or nil.
func (d *directory) find(tag uint16) *entry {
	for i := range d.entries {
		if d.entries[i].tag == tag {
			return &d.entries[i]
		}
	}
	return nil
}

func (f *file) u16(b []byte) uint16 {
	if f.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (f *file) u32(b []byte) uint32 {
	if f.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (f *file) u64(b []byte) uint64 {
	if f.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// layout gives the sizes, in bytes, of the parts of a directory: they differ in BigTIFF.
type layout struct{ count, entry, inline, pointer int64 }

var (
	classicLayout = layout{count: 2, entry: 12, inline: 4, pointer: 4}
	bigLayout     = layout{count: 8, entry: 20, inline: 8, pointer: 8}
)

// readMagic reads the byte order, the kind of TIFF and the offset of the first directory.
func (f *file) readMagic(h *Header) (first int64, err error) {
	head := f.head()
	if len(head) == 0 {
		return 0, notTiff(head, "the file is empty")
	}
	if len(head) < 8 {
		return 0, notTiff(head, "the file has only %d bytes", len(head))
	}
	switch string(head[:2]) {
	case "II":
	case "MM":
		f.big, h.BigEndian = true, true
	default:
		return 0, notTiff(head, "no byte order mark")
	}
	switch f.u16(head[2:]) {
	case 42:
		return int64(f.u32(head[4:])), nil
	case 43:
		h.BigTIFF = true
	default:
		return 0, notTiff(head, "version %d is neither 42 nor 43", f.u16(head[2:]))
	}
	if len(head) < 16 || f.u16(head[4:]) != 8 || f.u16(head[6:]) != 0 {
		return 0, notTiff(head, "bad BigTIFF header")
	}
	return clampOffset(f.u64(head[8:])), nil
}

// clampOffset keeps an offset so far below the end of int64 that adding a value's size cannot overflow.
func clampOffset(v uint64) int64 { return int64(min(v, 1<<62)) }

// readDirectory reads the directory at an offset. ok is false where the file ends before it does.
func (f *file) readDirectory(offset int64, lay layout) (d directory, ok bool, err error) {
	head, err := f.ensure(offset, lay.count)
	if err != nil || head == nil {
		return d, false, err
	}
	count := uint64(0)
	if lay == bigLayout {
		count = f.u64(head)
	} else {
		count = uint64(f.u16(head))
	}
	if count == 0 || count > maxEntries {
		return d, true, fail(tiffLimit, "the directory at byte %d has %d entries; 1 to %d are allowed", offset, count, maxEntries)
	}
	length := lay.count + int64(count)*lay.entry
	d.offset, d.end = offset, offset+length+lay.pointer
	body, err := f.ensure(offset, length+lay.pointer)
	if err != nil {
		return d, false, err
	}
	if body == nil { // some writers leave the last pointer out
		body = f.view(offset, length)
		d.end = offset + length
	}
	if body == nil {
		return d, false, nil
	}
	d.parseEntries(f, body[lay.count:length], offset+lay.count, lay)
	if tail := body[length:]; len(tail) == 8 {
		d.next = clampOffset(f.u64(tail))
	} else if len(tail) == 4 {
		d.next = int64(f.u32(tail))
	}
	return d, true, nil
}

// parseEntries keeps the entries of known tags. at is the offset of body in the file.
func (d *directory) parseEntries(f *file, body []byte, at int64, lay layout) {
	d.entries = make([]entry, 0, min(len(body)/int(lay.entry), len(knownTags)))
	for ; len(body) > 0; body, at = body[lay.entry:], at+lay.entry {
		e := entry{tag: f.u16(body), kind: f.u16(body[2:]), pos: at + lay.entry - lay.inline}
		size := typeSize(e.kind)
		if size == 0 {
			continue
		}
		value := body[lay.entry-lay.inline : lay.entry]
		var where uint64
		if lay == bigLayout {
			e.count, where = f.u64(body[4:]), f.u64(value)
		} else {
			e.count, where = uint64(f.u32(body[4:])), uint64(f.u32(value))
		}
		info, ok := knownTags[e.tag]
		e.use = info.use
		if e.count > f.mostBytes()/size {
			if e.use&optional == 0 && d.err == nil {
				d.err = fail(tiffLimit, "%s claims %d values, more than the file holds", tagName(e.tag), e.count)
			}
			continue
		}
		if !ok || e.count == 0 {
			continue
		}
		if e.count*size > uint64(lay.inline) {
			e.pos = clampOffset(where)
		}
		d.entries = append(d.entries, e)
	}
}

// mostBytes is more than any value of this file can have.
func (f *file) mostBytes() uint64 {
	if f.size > 0 {
		return uint64(f.size)
	}
	return math.MaxInt64 >> 16
}

// walk collects directories and refuses to visit a byte twice.
type walk struct {
	file   *file
	layout layout
	max    int
	dirs   []directory
}

// chain reads the directories from first on, then the SubIFDs of the first one. A chain that breaks
// off after its first directory costs a warning: the first image is whole.
func (w *walk) chain(first int64, warn func(string, ...any)) error {
	for offset := first; offset != 0; offset = w.dirs[len(w.dirs)-1].next {
		err := w.visit(offset)
		if err == nil {
			continue
		}
		if len(w.dirs) == 0 || !survivable(err) {
			return err
		}
		warn("the chain of directories breaks off: %v", err)
		break
	}
	if len(w.dirs) == 0 {
		return notTiff(w.file.head(), "no directory")
	}
	return w.subIFDs(warn)
}

// survivable tells whether an error concerns one directory only: not a loop, not the network.
func survivable(err error) bool {
	var e *core.Error
	return errors.As(err, &e) && e.Class == core.DecodeError && e.Reason != ifdLoop && e.Reason != tooManyIFDs
}

// subIFDs reads the directories that the first one lists as its children. Their own chains are not
// followed, as in GDAL.
func (w *walk) subIFDs(warn func(string, ...any)) error {
	e := w.dirs[0].find(tagSubIFDs)
	if e == nil {
		return nil
	}
	if e.count > uint64(w.max) {
		return fail(tooManyIFDs, "%d SubIFDs; %d directories are allowed", e.count, w.max)
	}
	if _, err := w.file.ensure(e.pos, e.size()); err != nil {
		return err
	}
	offsets, err := w.file.uints(e, e.count)
	if err != nil {
		warn("SubIFDs are not read: %v", err)
		return nil
	}
	for _, offset := range offsets {
		if offset == 0 || w.seen(clampOffset(offset)) {
			continue
		}
		if err := w.visit(clampOffset(offset)); err != nil {
			if !survivable(err) {
				return err
			}
			warn("a SubIFD is not read: %v", err)
		}
	}
	return nil
}

func (w *walk) seen(offset int64) bool {
	for i := range w.dirs {
		if w.dirs[i].offset == offset {
			return true
		}
	}
	return false
}

// visit reads one directory.
func (w *walk) visit(offset int64) error {
	if w.seen(offset) {
		return fail(ifdLoop, "the directory at byte %d is reached twice", offset)
	}
	if len(w.dirs) == w.max {
		return fail(tooManyIFDs, "more than %d directories", w.max)
	}
	d, ok, err := w.file.readDirectory(offset, w.layout)
	if err != nil {
		return err
	}
	if !ok && len(w.dirs) == 0 {
		return notTiff(w.file.head(), "the file ends before its first directory at byte %d", offset)
	}
	if !ok {
		return fail(truncated, "the file ends before the directory at byte %d", offset)
	}
	for i := range w.dirs {
		if o := &w.dirs[i]; d.offset < o.end && o.offset < d.end {
			return fail(ifdLoop, "the directory at byte %d overlaps the one at byte %d", d.offset, o.offset)
		}
	}
	w.dirs = append(w.dirs, d)
	return nil
}
