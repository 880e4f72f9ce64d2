package push

import "zhibu/model"

// SetPublishing makes the instance publish in chunks of that size, and at once what is for so many at most.
func (s *Service) SetPublishing(chunk int, atOnce int64) {
	s.chunkSize, s.publishAtOnce = chunk, atOnce
}

// DataOf are the values of a message about the announcement.
func DataOf(t model.PushTemplate, a model.Announcement, unitName string) map[string]string {
	return template{t}.data(a, unitName)
}

// Lease is after how long a message under way is taken for lost.
const Lease = lease
