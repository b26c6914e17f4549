"""English words that are no digit: some for training, others for validation and for tests."""

# Words of no list are in another, and none sounds like a digit, as "won", "for" and "ate" do.
OTHER_WORDS = {
    "train": """
about after again air always apartment arm around aunt away baby back bag ball banana bank bath
beach bear beautiful because bed beer before begin behind believe better between big birthday
blanket blood boat body book bottom box boy brain breakfast bring brush building burn bus business
busy butter button cake call candle car carry cat catch cheese chicken chocolate church circle
city clean clock cloud coat cold college colour comb come cook corner country cow cup curtain cut
dance dark daughter day dear deep dinner dog dream dress drink dry duck ear early earth east easy
egg enough entrance every eye face fall farm fast feather feel field finger fire fish follow food
foot forest forget fork friend frog fruit full game garage girl give glass go gold good grass
ground group grow guitar hair half hand happy hat hear heart heavy help high hill hold holiday
home honey hope horse hospital hot hour hundred hungry husband ice idea inside iron island jacket
job juice jump kind king know lake lamp language large last laugh leaf learn left leg lemon lion
list listen little long look love lunch magic make man many map meat medicine meet milk minute
mirror moment month mouth move name neck needle never new news nice nose nothing now number office
often oil old open other outside over page pain paint pair park part party past peace people
pepper piano piece pig pink place plane plant play pocket point police pool poor potato prince
pull push put quarter queen quick quiet rain read ready red rice ride right ring road rock roof
room root rope round sad salt same sand school science seat second secret sell send shape sharp
sheep ship shirt shop short shoulder show shut sick side silver simple sing sink sit skin sky
sleep slow small smile smoke snake snow soap soft some song soon soup south speak spoon sport
square stairs stand star start station stay stop strong student sugar sweet swim tail talk tall
taste tea teacher tell thank thick thin thing think throw ticket tiger time tired tomato tomorrow
tongue tooth top town toy train travel true turn uncle under university until up use vegetable
very village visit walk wall want warm wash watch wave way wear weather week weekend well west wet
what wheel white wild wind wing wish with woman wood word work world write wrong year yesterday
young zebra
""",
    "validation": """
animal apple black flower garden hello house kitchen letter machine money morning mother mountain
mouse music paper person picture please question river street summer table voice water window
yellow yes
""",
    "test": """
autumn bird bottle bread bridge butterfly camera castle chair children coffee doctor elephant
engine evening family goodbye green market moon no ocean orange pencil purple reason shadow sister
sorry stone
""",
}
RHYMES = {  # of zero to nine, and what else is near them
    "train": """
gun fun bun done none son chew few knew glue bee key knee sea core floor more war score life knife
wife dive arrive kicks bricks fix leaven gate late wait state wine sign line shine near cereal
arrow
""",
    "validation": "hero run blue tree door hive mix eleven plate mine",
    "test": "giro sun shoe free store drive sticks heaven great fine",
}
