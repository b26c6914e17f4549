"""A coding of two voices with six pitches, whose ids are unlike those of one voice."""

import numpy as np

from synvae_core.music.coding import Coding, Note


class TwoVoices(Coding):
    """0 is silence; 1 + 2k starts pitch 60 + k, and 2 + 2k lets it sound on for another step."""

    name = "two_voices"
    size = 13
    states = 7
    voices = 2
    lowest, highest = 60, 65

    def starts(self, events):
        events = self.check(events)
        return (events + 119) // 2 * (events % 2)

    def after(self, state, event):
        return (event + 1) // 2

    def pitch(self, state):
        return (state + 59) * (state > 0)

    def heard(self, events, state):
        goes_on = (events > 0) & (events % 2 == 0)
        return events - 1 * (goes_on & (state != events // 2))

    def transpose(self, events, semitones):
        events = self.check(events)
        moved = events + 2 * semitones * (events > 0)
        if ((moved < 1) & (events > 0) | (moved >= self.size)).any():
            raise ValueError(f"transposed by {semitones}, a pitch leaves 60..65")
        return moved

    def notes(self, events):
        found = []
        for voice, line in enumerate(self.by_voice(self.canonical(events)).tolist()):
            for step, event in enumerate([*line, 0]):
                if event % 2:
                    found.append([step, step + 1, 59 + (event + 1) // 2, voice])
                elif event:
                    found[-1][1] = step + 1
        return sorted(Note(*note) for note in found)

    def write(self, notes, *, melodies, steps):
        events = np.zeros((melodies, steps, self.voices), np.int64)
        for melody, start, end, pitch, voice in notes.tolist():
            free = 0 <= start < end <= steps and not events[melody, start:end, voice].any()
            if not (free and 60 <= pitch <= 65):
                raise ValueError(f"{Note(start, end, pitch, voice)} does not fit")
            events[melody, start:end, voice] = 2 + 2 * (pitch - 60)
            events[melody, start, voice] -= 1
        return events.reshape(melodies, -1)


TWO_VOICES = TwoVoices()
