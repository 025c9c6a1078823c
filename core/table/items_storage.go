package table

import (
	"encoding/json"
	"strings"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// rawStorage is the storage extension as an item states it: by itself in version 1, by named schemes,
// which assets refer to, in version 2.
type rawStorage struct {
	own     core.Storage
	schemes map[string]core.Storage
}

// of gives what holds for an asset: the first scheme that it refers to, else its own words, else the item's.
func (s *rawStorage) of(refs []string, own core.Storage) core.Storage {
	for _, ref := range refs {
		if scheme, ok := s.schemes[ref]; ok {
			return scheme
		}
	}
	if own.Region == "" {
		own.Region = s.own.Region
	}
	own.RequesterPays = own.RequesterPays || s.own.RequesterPays
	return own
}

// jsonStorage are the members of both versions, of an item or an asset, in JSON.
type jsonStorage struct {
	Region        string          `json:"storage:region"`
	RequesterPays json.RawMessage `json:"storage:requester_pays"`
	Schemes       json.RawMessage `json:"storage:schemes"`
	Refs          json.RawMessage `json:"storage:refs"`
}

func (j *jsonStorage) raw() rawStorage {
	own := core.Storage{Region: j.Region, RequesterPays: string(j.RequesterPays) == "true"}
	return rawStorage{own: own, schemes: schemesIn(j.Schemes)}
}

// refs gives the names of schemes; anything but a list of texts says nothing.
func (j *jsonStorage) refs() []string {
	var refs []string
	_ = json.Unmarshal(j.Refs, &refs)
	return refs
}

// schemesIn reads storage:schemes; what is not as the extension says is left out.
func schemesIn(text json.RawMessage) map[string]core.Storage {
	if len(text) == 0 {
		return nil
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(text, &members)
	schemes := map[string]core.Storage{}
	for name, member := range members {
		var s struct {
			Type, Platform, Bucket, Region string
			RequesterPays                  bool `json:"requester_pays"`
		}
		if json.Unmarshal(member, &s) != nil {
			continue
		}
		place := core.Storage{Region: s.Region, RequesterPays: s.RequesterPays}
		if s.Type == "custom-s3" {
			platform := strings.TrimSuffix(strings.TrimSuffix(s.Platform, "/"), "/{bucket}") // which goes there anyway
			place.BucketInHost = strings.Contains(platform, "{bucket}")
			place.Endpoint = strings.NewReplacer("{bucket}", s.Bucket, "{region}", s.Region).Replace(platform)
		}
		schemes[name] = place
	}
	return schemes
}

// storageReader reads the columns of the storage extension of an item, or the fields of an asset.
type storageReader struct {
	region  textReader
	pays    *array.Boolean
	schemes arrow.Array
	refs    rolesReader
	latest  string // schemes as they were in the row before, since neighbours are often equal
	parsed  map[string]core.Storage
}

func newStorageReader(get func(name string) arrow.Array, intern *interner) storageReader {
	r := storageReader{region: newTextReader(get("storage:region"), intern), schemes: get("storage:schemes")}
	r.pays, _ = get("storage:requester_pays").(*array.Boolean)
	r.refs = newRolesReader(get("storage:refs"), intern)
	return r
}

// any tells whether there is something to read.
func (r *storageReader) any() bool {
	return r.region.array != nil || r.pays != nil || r.schemes != nil || r.refs.list != nil
}

func (r *storageReader) own(row int) core.Storage {
	region, _ := r.region.get(row)
	return core.Storage{Region: region, RequesterPays: r.pays != nil && r.pays.IsValid(row) && r.pays.Value(row)}
}

func (r *storageReader) read(row int) rawStorage {
	s := rawStorage{own: r.own(row)}
	if r.schemes == nil || r.schemes.IsNull(row) {
		return s
	}
	text := ""
	if reader := newTextReader(r.schemes, nil); reader.array != nil {
		text, _ = reader.peek(row)
	} else if written, err := json.Marshal(r.schemes.GetOneForMarshal(row)); err == nil {
		text = string(written)
	}
	if text != r.latest {
		r.latest, r.parsed = strings.Clone(text), schemesIn(json.RawMessage(text))
	}
	s.schemes = r.parsed
	return s
}
