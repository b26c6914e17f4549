"""Albums: the music of a folder of pictures, and the pictures of a folder of tunes."""
