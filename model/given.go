package model

// SetGiven puts the value, if one is given, in the place of the one there is: a field of a request that may leave it out.
func SetGiven[T any](target, value *T) {
	if value != nil {
		*target = *value
	}
}
