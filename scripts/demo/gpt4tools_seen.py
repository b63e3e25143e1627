"""The tools and items of the seen split."""

from __future__ import annotations

from gpt4tools_prompt import Call, Item

TOOLS = {
    "Crop Region": "cuts one part out of a picture and saves it as a picture of its own, for "
    "instance to look at a single object closely. Its input is a comma separated string of two, "
    "representing the image_path and the part to cut out.",
    "Blur Background": "keeps the main object sharp and softens everything behind it. Its input "
    "is a string, representing the image_path.",
    "Count Objects": "tells how many objects of one sort a picture holds. Its input is a comma "
    "separated string of two, representing the image_path and the sort of object to count.",
    "Rotate Picture": "turns a whole picture clockwise and saves the result. Its input is a comma "
    "separated string of two, representing the image_path and the angle in degrees.",
    "Read Written Words": "returns the words written on signs, labels and pages in a picture. Its "
    "input is a string, representing the image_path.",
    "Sketch From Words": "draws a pencil sketch of what a text describes, without needing any "
    "picture. Its input is a string, representing the text to draw.",
    "Erase Object": "takes one object out of a picture and fills the gap with what surrounds it. "
    "Its input is a comma separated string of two, representing the image_path and the object to "
    "take out.",
    "Name Main Colours": "lists the colours that cover most of a picture. Its input is a string, "
    "representing the image_path.",
}

ITEMS = (
    # One call; the target uses the image's real name.
    Item(
        image="a red car in front of a yellow house",
        request="Please soften everything behind the car.",
        calls=(Call("Blur Background", "{image}", "{first}"),),
        reply="The picture with the softened background is {first}.",
    ),
    Item(
        image="a street corner with a blue enamel sign",
        request="What does the sign in {image} say?",
        calls=(Call("Read Written Words", "{image}", "MILL LANE 14"),),
        reply="The sign says MILL LANE 14.",
    ),
    Item(
        image="three cats on a garden wall",
        request="How many cats are sitting there?",
        calls=(Call("Count Objects", "{image}, cats", "3"),),
        reply="There are 3 cats in the picture.",
    ),
    Item(
        image="a lighthouse that came out lying on its side",
        request="This one lies on its side. Turn it by 90 degrees.",
        calls=(Call("Rotate Picture", "{image}, 90", "{first}"),),
        reply="I turned the picture by 90 degrees and saved it as {first}.",
    ),
    Item(
        image="a bowl of plums on a striped cloth",
        request="Which colours does {image} mostly consist of?",
        calls=(Call("Name Main Colours", "{image}", "purple, white, pale green"),),
        reply="The picture mostly consists of purple, white and pale green.",
    ),
    # One call; the target uses example.png.
    Item(
        image="a football on wet grass",
        request="Cut out just the football.",
        calls=(Call("Crop Region", "{image}, football", "{first}"),),
        reply="The football on its own is in {first}.",
        placeholder=True,
    ),
    Item(
        image="a jetty with a litter bin at its end",
        request="The litter bin spoils the view. Get rid of it.",
        calls=(Call("Erase Object", "{image}, litter bin", "{first}"),),
        reply="The picture without the litter bin is {first}.",
        placeholder=True,
    ),
    Item(
        image="a shelf of old cookery books",
        request="Which titles can be read on the spines?",
        calls=(Call("Read Written Words", "{image}", "Soups / Bread at Home / Pickles"),),
        reply="The titles are Soups, Bread at Home and Pickles.",
        placeholder=True,
    ),
    Item(
        image="sailing boats in a narrow harbour",
        request="Count the boats for me.",
        calls=(Call("Count Objects", "{image}, boats", "7"),),
        reply="There are 7 boats.",
        placeholder=True,
    ),
    Item(
        image="a girl with a kite on a hill",
        request="Make the girl stand out by blurring what is behind her.",
        calls=(Call("Blur Background", "{image}", "{first}"),),
        reply="Done: the result is {first}.",
        placeholder=True,
    ),
    # Two calls, the second on the file saved by the first.
    Item(
        image="a crowded bus stop with a timetable",
        request="Cut the timetable out and read me what it says.",
        calls=(
            Call("Crop Region", "{image}, timetable", "{first}"),
            Call("Read Written Words", "{first}", "Line 8: 7.10 7.40 8.10"),
        ),
        reply="I saved the timetable as {first}. It says: Line 8: 7.10 7.40 8.10.",
    ),
    Item(
        image="a fountain with a bicycle leaning on it",
        request="Remove the bicycle, then blur what is behind the fountain.",
        calls=(
            Call("Erase Object", "{image}, bicycle", "{first}"),
            Call("Blur Background", "{first}", "{second}"),
        ),
        reply="The bicycle is gone and the background is soft: {second}.",
    ),
    Item(
        image="a page of handwriting photographed upside down",
        request="Turn it by 180 degrees first and tell me then what is written there.",
        calls=(
            Call("Rotate Picture", "{image}, 180", "{first}"),
            Call("Read Written Words", "{first}", "See you on Sunday"),
        ),
        reply="The turned picture is {first}, and it says: See you on Sunday.",
    ),
    Item(
        image="a market stall full of peppers",
        request="Cut out the basket in the middle and say which colours it shows.",
        calls=(
            Call("Crop Region", "{image}, basket in the middle", "{first}"),
            Call("Name Main Colours", "{first}", "red, yellow"),
        ),
        reply="The basket is saved as {first}. Its main colours are red and yellow.",
        placeholder=True,
    ),
    # The first call has already been made.
    Item(
        image="a dog and a parked scooter on a pavement",
        request="Take the scooter away and count the dogs that are left.",
        done=(Call("Erase Object", "{image}, scooter", "{first}"),),
        calls=(Call("Count Objects", "{first}, dogs", "1"),),
        reply="Without the scooter the picture is {first}, and it shows 1 dog.",
    ),
    Item(
        image="a clock tower above a row of roofs",
        request="I need the clock tower alone, turned by 45 degrees.",
        done=(Call("Crop Region", "{image}, clock tower", "{first}"),),
        calls=(Call("Rotate Picture", "{first}, 45", "{second}"),),
        reply="The clock tower, turned by 45 degrees, is {second}.",
    ),
    Item(
        image="a dozen ducks on a pond",
        request="How many ducks are on the pond?",
        done=(Call("Count Objects", "{image}, ducks", "12"),),
        reply="There are 12 ducks on the pond.",
    ),
    # No tool is needed.
    Item(
        request="What is the plural of the word goose?",
        reply="The plural of goose is geese.",
    ),
    Item(
        request="Add up 17, 25 and 8.",
        reply="17, 25 and 8 add up to 50.",
    ),
    Item(
        image="a loaf of bread on a board",
        request="Thanks. By the way, on which day does a week begin in your calendar?",
        reply="In mine a week begins on Monday, as the international standard has it.",
    ),
    Item(
        image="a green bottle beside a window",
        request="Before we start: give me another word for glass jar.",
        reply="Another word for a glass jar is a preserving glass.",
    ),
    # The target call has an empty argument.
    Item(
        image="a rocking chair on a porch",
        request="Draw a sketch of a rocking chair from scratch.",
        calls=(Call("Sketch From Words", "", "{first}"),),
        reply="The sketch is saved as {first}.",
    ),
    # An argument that contains a comma itself.
    Item(
        image="a lawn with several balls, one of them behind a bush",
        request="Cut out the red ball that is half hidden.",
        calls=(Call("Crop Region", "{image}, a red ball, half hidden", "{first}"),),
        reply="The half hidden red ball is in {first}.",
    ),
    Item(
        image="a table laid for tea, with a chipped cup at its edge",
        request="Please remove the small, chipped, blue cup.",
        calls=(Call("Erase Object", "{image}, the small, chipped, blue cup", "{first}"),),
        reply="I removed the cup and saved the picture as {first}.",
    ),
)
