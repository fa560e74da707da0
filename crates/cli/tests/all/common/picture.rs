//! Pictures, pixel by pixel.

use std::io::Cursor;

/// The colours of a picture by place.
pub(crate) struct Picture {
    width: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Picture {
    /// Reads a PNG.
    pub(crate) fn read(bytes: &[u8]) -> Picture {
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        Picture {
            width: info.width as usize,
            channels: info.color_type.samples(),
            bytes,
        }
    }

    pub(crate) fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * self.channels;
        [self.bytes[at], self.bytes[at + 1], self.bytes[at + 2]]
    }

    /// Whether any pixel fulfils a condition.
    pub(crate) fn any(&self, is: impl Fn([u8; 3]) -> bool) -> bool {
        self.bytes
            .chunks(self.channels)
            .any(|pixel| is([pixel[0], pixel[1], pixel[2]]))
    }
}
