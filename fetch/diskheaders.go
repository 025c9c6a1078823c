package fetch

import (
	"context"

	"cogweave/core/cog"
	"cogweave/fetch/headercache"
	"cogweave/fetch/store"
)

// keptHeader parses a header from the bytes that this or another process has left in the cache folder.
// Only a file that can be told from its successors is kept there, so a tile of another version is
// refused when it is read, and the entry forgotten.
func (s *state) keptHeader(ctx context.Context, name, href string) *cog.Header {
	entry, ok := s.kept.Get(name)
	if !ok {
		return nil
	}
	replay := &cog.Replay{Length: entry.Size, Pieces: make([]cog.Piece, len(entry.Pieces))}
	for i, p := range entry.Pieces {
		replay.Pieces[i] = cog.Piece(p)
	}
	h, err := cog.Read(ctx, replay, href, s.cfg.Limits)
	if err != nil { // under stricter limits than when it was kept, or by another parser
		return nil
	}
	identify(h, store.Identity{ETag: entry.ETag, Size: entry.Size})
	return h
}

// keepHeader leaves the bytes that a header was parsed from in the cache folder. Local files are as
// quickly read themselves; without a tag or a size a replaced file could not be told.
func (s *state) keepHeader(name string, id store.Identity, local bool, pieces []cog.Piece) {
	if plain, _ := unplaced(id); s.kept == nil || local || plain.ETag == "" || id.Size == 0 || ofThisProcess(name) {
		return
	}
	entry := headercache.Entry{ETag: id.ETag, Size: id.Size, Pieces: make([]headercache.Piece, len(pieces))}
	for i, p := range pieces {
		entry.Pieces[i] = headercache.Piece(p)
	}
	s.kept.Put(name, entry)
}
